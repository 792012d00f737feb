#!/usr/bin/env bash
# Some tests run against real programs. Where one is missing and we are root on Debian or Ubuntu, install it and say
# so; anywhere else leave the machine alone: those tests are then skipped, each with its reason.
set -u

# program:package, one a line. Add a line when a test needs another program.
needed="
nginx:nginx-light
haproxy:haproxy
redis-server:redis-server
python3:python3
caddy:caddy
script:bsdutils
apache2:apache2-bin
prometheus:prometheus
promtool:prometheus
dnsmasq:dnsmasq-base
curl:curl
nghttp:nghttp2-client
chromium:chromium
zsh:zsh
fish:fish
systemd-socket-activate:systemd
"
# module:package, of the system's own Python, one a line.
modules="
h2:python3-h2
hpack:python3-hpack
"

# Where Debian puts servers; not on every user's PATH.
PATH="$PATH:/usr/local/sbin:/usr/sbin:/sbin"

missing=""
packages=""
for entry in $needed; do
  if ! command -v "${entry%%:*}" >/dev/null 2>&1; then
    missing="$missing ${entry%%:*}"
    packages="$packages ${entry##*:}"
  fi
done
for entry in $modules; do
  if ! /usr/bin/python3 -c "import ${entry%%:*}" >/dev/null 2>&1; then
    missing="$missing python3's ${entry%%:*}"
    packages="$packages ${entry##*:}"
  fi
done
[ -n "$missing" ] || exit 0

if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null 2>&1; then
  echo "Not installed:$missing. The tests that need them will be skipped; install them to run everything."
  exit 0
fi

echo "Installing for the tests, with apt-get:$packages"
export DEBIAN_FRONTEND=noninteractive
# A package must not start its service on install: the tests start their own, on free ports.
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
  printf '#!/bin/sh\nexit 101\n' >"$policy" && chmod +x "$policy" && trap 'rm -f "$policy"' EXIT
fi
log="$(mktemp)"
# shellcheck disable=SC2086 # a list of words on purpose
if apt-get update >"$log" 2>&1 && apt-get install -y --no-install-recommends $packages >>"$log" 2>&1; then
  echo "Installed:$packages"
else
  # One that is not to be had must not keep the others away.
  for package in $packages; do
    apt-get install -y --no-install-recommends "$package" >"$log" 2>&1 && continue
    tail -n 20 "$log"
    echo "apt-get could not install $package. The tests that need it will be skipped."
  done
fi
rm -f "$log"
exit 0
