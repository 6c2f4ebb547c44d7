#!/usr/bin/env bash
# Installs the programs that tests and benches run Weir against, as far as they are missing: other load balancers, load
# generators, and the tools to look at what happens. Debian and its kin only; elsewhere it says what is missing, and the
# tests that need it are skipped. Quiet and safe to run again.
set -euo pipefail

# program:package
peers=(haproxy:haproxy nginx:nginx-light wrk:wrk h2load:nghttp2-client openssl:openssl curl:curl ip:iproute2 socat:socat)
# For TLS: what Pound's job is done by, two scanners, a browser, an ACME server, and a DNS server that takes updates.
peers+=(hitch:hitch sslscan:sslscan testssl:testssl.sh chromium:chromium pebble:pebble named:bind9)

PATH="$PATH:/usr/sbin:/sbin" # haproxy, nginx, hitch and named are there, which not every user's path has

missing=()
for peer in "${peers[@]}"; do
  command -v "${peer%%:*}" >/dev/null || missing+=("${peer##*:}")
done
[ ${#missing[@]} -gt 0 ] || exit 0

leave() {
  echo "test peers: $1; without ${missing[*]} some tests are skipped" >&2
  exit 0
}

as_root=()
if [ "$(id -u)" -ne 0 ]; then
  sudo -n true 2>/dev/null || leave "neither root nor sudo without a password"
  as_root=(sudo -n)
fi
command -v apt-get >/dev/null || leave "no apt-get here"

# Packages of servers start them when they are installed. Only ours: a policy that says no, unless there is one already.
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
  trap '"${as_root[@]}" rm -f "$policy"' EXIT
  printf '#!/bin/sh\nexit 101\n' | "${as_root[@]}" tee "$policy" >/dev/null
  "${as_root[@]}" chmod +x "$policy"
fi

log=$(mktemp)
install() {
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
    apt-get install -y -qq --no-install-recommends -o DPkg::Lock::Timeout=300 "${missing[@]}" </dev/null >"$log" 2>&1
}
update() {
  "${as_root[@]}" apt-get update -qq </dev/null >>"$log" 2>&1
}

echo "test peers: installing ${missing[*]}" >&2
if ! install && ! { update && install; }; then
  tail -n 20 "$log" >&2
  leave "apt-get failed"
fi
rm -f "$log"

# Nor should they start with the machine: the tests start them, with files of their own.
if command -v systemctl >/dev/null; then
  for package in "${missing[@]}"; do
    case $package in
      haproxy | nginx-light | hitch) "${as_root[@]}" systemctl disable --now "${package%-light}" >/dev/null 2>&1 || true ;;
      bind9) "${as_root[@]}" systemctl disable --now named >/dev/null 2>&1 || true ;;
    esac
  done
fi
