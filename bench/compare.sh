#!/usr/bin/env bash
# bench/compare.sh REF [bench options]: this tree beside another commit, in turns, in one run.
#   bench/compare.sh HEAD~1 --cases small,sealed --rounds 7
set -euo pipefail
cd "$(dirname "$0")/.."
ref=${1:?"usage: bench/compare.sh REF [options of bench:gateway]"}
shift
commit=$(git rev-parse --short "$ref")
folder=$(mktemp -d)
trap 'git worktree remove --force "$folder/tree" >/dev/null 2>&1 || true; rm -rf "$folder"' EXIT
git worktree add --quiet --detach "$folder/tree" "$commit"
ln -s "$PWD/node_modules" "$folder/tree/node_modules"
npm run --silent build
"$PWD/node_modules/.bin/tsc" -p "$folder/tree/tsconfig.build.json"
node bench/gateway.mjs --cases small,sealed,large --proxies nginx,stickyroute --entry "$commit=$folder/tree/dist/cli/main.js" "$@"
