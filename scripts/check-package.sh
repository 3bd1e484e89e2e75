#!/usr/bin/env bash
# Packs the package, checks the tarball, and uses it as a stranger would: in an empty project, in ESM and through require().
set -euo pipefail
cd "$(dirname "$0")/.."
root=$PWD
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

npm pack --silent --pack-destination "$work" > /dev/null
tarball=$(echo "$work"/tintype-*.tgz)
tar -tzf "$tarball" > "$work/files.txt"
# Maps are no use without the sources, and with them the package is half as large again.
if grep '\.map$' "$work/files.txt"; then exit 1; fi
# The page /docs reads it.
grep -q '^package/dist/server/http/redoc.standalone.js$' "$work/files.txt"
# The server hands them out, compressed as they are.
if [ -f ui/index.html ]; then
  for file in $(grep '^package/dist/ui/.*\.\(html\|js\|css\|svg\)$' "$work/files.txt") package/dist/ui/index.html; do
    for ending in '' .br .gz; do grep -qxF "$file$ending" "$work/files.txt"; done
  done
fi
npx publint run "$tarball" --strict
npx attw "$tarball" --profile esm-only

mkdir "$work/empty"
cd "$work/empty"
npm init --yes > /dev/null
npm install --engine-strict --ignore-scripts --no-audit --no-fund --silent "$tarball"

cat > smoothie.mjs <<'JS'
import { defineJob, eventLogger } from 'tintype';

const job = defineJob('smoothie')
  .task('diceBanana', () => ({ banana: 3 }))
  .task('diceMango', () => ({ mango: 2 }))
  .task('blend', { dependsOn: ['diceBanana', 'diceMango'] }, ({ ctx }) => ({ pieces: ctx.banana + ctx.mango }))
  .task('garnish', { dependsOn: ['blend'] }, ({ deps }) => ({ served: `${deps.blend.pieces} pieces, with mint` }))
  .start();
job.events$.subscribe(eventLogger());
console.log((await job.orThrow()).served);
JS
cat > smoothie.cjs <<'JS'
const { defineJob } = require('tintype');
const { taskMachine } = require('tintype/machines');
const { virtualClock } = require('tintype/testing');

defineJob('smoothie')
  .task('dice', () => ({ pieces: 5 }))
  .task('garnish', { dependsOn: ['dice'] }, ({ ctx }) => ({ served: `${ctx.pieces} pieces, with mint` }))
  .start({}, { clock: virtualClock() })
  .orThrow()
  .then(({ served }) => console.log(served, taskMachine.id));
JS
node smoothie.mjs > printed.txt
test "$(wc -l < printed.txt)" -eq 15
test "$(tail -n 1 printed.txt)" = '5 pieces, with mint'
test "$(node smoothie.cjs)" = '5 pieces, with mint task'

# Importing the core loads xstate, rxjs and immer alone: the rest may even be missing. rxjs itself needs tslib.
mkdir -p "$work/core/node_modules"
cp smoothie.mjs "$work/core"
for package in tintype xstate rxjs tslib immer; do cp -r "node_modules/$package" "$work/core/node_modules"; done
test "$(node "$work/core/smoothie.mjs" | tail -n 1)" = '5 pieces, with mint'

# Each entry point loads without the optional peers, or says what to install; with them, all load.
# prom-client brings OpenTelemetry's API; not all package managers then let others import it.
mkdir -p node_modules/prom-client/node_modules
mv node_modules/@opentelemetry node_modules/prom-client/node_modules
cp "$root/scripts/check-doors.mjs" .
node check-doors.mjs
mkdir "$work/peers"
cp -r node_modules package.json check-doors.mjs "$work/peers"
for peer in $(node -p 'Object.keys(require("tintype/package.json").peerDependencies).join(" ")'); do
  mkdir -p "$(dirname "$work/peers/node_modules/$peer")"
  ln -sfn "$(realpath "$root/node_modules/$peer")" "$work/peers/node_modules/$peer"
done
(cd "$work/peers" && node check-doors.mjs --peers)

printf 'name: hello\ntasks:\n  - name: greet\n    type: bash\n    command: echo hello\n' > hello.yaml
npx tintype --version
npx tintype run hello.yaml
echo 'The package installs and runs, in ESM, through require() and as a command.'
