#!/usr/bin/env bash
# Installs what `npm run bench -- --peers` compares with: nats-server and mosquitto from Debian (as root), Socket.IO from npm
# into bench/peers/node_modules. Installs nothing that is there; needs root only for what is missing.
set -euo pipefail
cd "$(dirname "$0")"
PATH=$PATH:/usr/sbin
missing=()
for package in nats-server mosquitto; do
  command -v "$package" >/dev/null || missing+=("$package")
done
if [ "${#missing[@]}" -gt 0 ]; then
  apt-get update
  apt-get install --yes --no-install-recommends "${missing[@]}"
fi
npm install --prefix peers --no-package-lock --no-audit --no-fund --ignore-scripts
