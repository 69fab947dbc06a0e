#!/bin/sh
# What the tests need from the system, beyond Node and npm: found, else installed with apt-get, else asked for.
# Says nothing when all is there. A test never skips for want of it.
set -eu

found () {
  for command in "$@"; do
    if command -v "$command" >/dev/null 2>&1; then return 0; fi
  done
  return 1
}

# Prints the prefix that makes a command root's; fails when there is none.
as_root () {
  if [ "$(id -u)" -eq 0 ]; then return 0; fi
  found sudo && sudo -n true >/dev/null 2>&1 && echo 'sudo -n'
}

install () {
  found apt-get && root=$(as_root) || return 1
  echo "needs: installing $1" >&2
  $root apt-get update -qq -o Acquire::Retries=0 -o Acquire::http::Timeout=20 >&2 &&
    $root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$1" >&2
}

# need PACKAGE COMMAND...: one of the commands, or the package that brings it.
need () {
  package=$1
  shift
  if found "$@"; then return 0; fi
  if install "$package" && found "$@"; then return 0; fi
  echo "needs: install $package (the tests look for: $*)" >&2
  missing=1
}

# A Python, that of the PATH or that of the system, with the package of docs/clients/python.md.
has_websockets () {
  python3 -c 'import websockets' 2>/dev/null || /usr/bin/python3 -c 'import websockets' 2>/dev/null
}

missing=0
# Without windows, Chromium needs half the CPU time; with them it does as well.
found chromium-headless-shell || install chromium-headless-shell || true
need chromium chromium-headless-shell chromium chromium-browser google-chrome
need redis-server redis-server
need nginx-light nginx
if ! has_websockets; then
  install python3-websockets && has_websockets || {
    echo 'needs: install python3-websockets (the tests import websockets)' >&2
    missing=1
  }
fi
exit "$missing"
