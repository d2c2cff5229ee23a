#!/usr/bin/env bash
# Makes static/codemirror/codemirror.js from entry.js and the exact pins in package-lock.json.
# The sources stand outside static/, so collectstatic publishes the bundle and nothing else.
# To move a pin: change package.json, `npm install --package-lock-only`, run this, commit all three.
set -euo pipefail
cd "$(dirname "$0")"
npm ci --ignore-scripts --silent
mkdir -p ../../static/codemirror
node bundle.mjs
