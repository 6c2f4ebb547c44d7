// nginx as a reverse proxy with one worker process: connections to the server kept, no temporary files, no log unless
// asked, and then buffered. tcp mode needs its stream module, which distributions package apart.
import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { firstLine } from '../machine.ts'
import type { Peer, Setup } from './peer.ts'

const streamModule = '/usr/lib/nginx/modules/ngx_stream_module.so'

/** The lines of the main context that every nginx of the bench needs, be it a peer or the server behind. */
export function nginxMain(folder: string): string {
  return `
${process.getuid?.() === 0 ? 'user root;' : ''}
worker_processes 1;
worker_rlimit_nofile 20000;
daemon off;
pid ${folder}/nginx.pid;
error_log stderr error;
events { worker_connections 19000; }
`
}

/** Folders for temporary files that nginx wants to have even if it never uses them. */
export const nginxFolders = (folder: string): string =>
  ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
    .map((name) => `  ${name}_temp_path ${folder}/${name};`)
    .join('\n')

function tls(certificate: string | null): string {
  if (!certificate) return ''
  return `
    ssl_certificate ${certificate};
    ssl_certificate_key ${certificate};
    ssl_protocols TLSv1.3;
    ssl_conf_command Ciphersuites TLS_AES_128_GCM_SHA256;
    ssl_session_tickets on;`
}

function config({ folder, port, serverPort, mode, certificate, accessLog }: Setup): string {
  const listen = `listen 127.0.0.1:${port}${certificate ? ' ssl' : ''} backlog=4096;`
  if (mode === 'tcp') {
    return `load_module ${streamModule};${nginxMain(folder)}
stream {
  server { ${listen} ${tls(certificate)} proxy_pass 127.0.0.1:${serverPort}; }
}
`
  }
  return `${nginxMain(folder)}
http {
${nginxFolders(folder)}
  # What HAProxy's httplog has, as far as nginx knows it.
  log_format timed '$remote_addr:$remote_port [$time_local] $server_name $upstream_addr $upstream_connect_time/'
                   '$upstream_header_time/$request_time $status $bytes_sent $connection_requests "$request"';
  access_log ${accessLog ? `${accessLog} timed buffer=64k flush=1s` : 'off'};
  upstream app { server 127.0.0.1:${serverPort}; keepalive 256; keepalive_requests 1000000000; }
  server {
    ${listen}
    server_name web;${tls(certificate)}
    keepalive_requests 1000000000;
    location / {
      proxy_pass http://app;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_set_header Host $http_host;
      proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
      proxy_max_temp_file_size 0;
    }
  }
}
`
}

export const nginx: Peer = {
  name: 'nginx',
  workers: 1,
  warmUp: 1,
  version: () => /nginx\/\S+/.exec(firstLine('nginx', '-v') ?? '')?.[0].replace('/', ' ') ?? null,
  cannot: ({ mode }) => (mode === 'tcp' && !existsSync(streamModule) ? 'its stream module is not installed' : null),
  prepare(setup) {
    const file = join(setup.folder, 'nginx.conf')
    writeFileSync(file, config(setup))
    return { argv: ['nginx', '-c', file, '-p', setup.folder] }
  },
}
