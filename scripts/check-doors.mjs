// Run by check-package.sh in a project that has tintype: imports every entry point that package.json names. Without optional
// peers, each must load, or say which package to install; with `--peers`, all must load and work.
import manifest from 'tintype/package.json' with { type: 'json' };

/** The entry points that need an optional peer, and what calls for it if that is not the import. All others load without. */
const NEEDS = {
  'tintype/otel': { peer: '@opentelemetry/api' },
  'tintype/inspect': {
    peer: '@statelyai/inspect',
    use: async ({ inspectToFile, inspectToSocket }) => {
      for (const inspect of [() => inspectToFile('inspected.jsonl'), inspectToSocket]) await (await inspect()).close();
    },
  },
};

const hasPeers = process.argv.includes('--peers');
const doors = Object.entries(manifest.exports)
  .filter(([, target]) => typeof target === 'object')
  .map(([door]) => door.replace('.', 'tintype'));

const faults = Object.keys(NEEDS)
  .filter((door) => !doors.includes(door))
  .map((door) => `${door} is no entry point.`);
for (const door of doors) {
  const { peer, use = () => {} } = NEEDS[door] ?? {};
  let error;
  try {
    await use(await import(door));
  } catch (thrown) {
    error = thrown;
  }
  const isMissing =
    error?.code === 'PEER_MISSING' && error.peer === peer && error.message.endsWith(`npm install ${peer}`);
  if (hasPeers || peer === undefined ? error : !isMissing)
    faults.push(`${door} ${error ? `says ${error.stack}` : `needs no ${peer}, against what is expected`}`);
  if (peer !== undefined && !(peer in manifest.peerDependencies && manifest.peerDependenciesMeta[peer]?.optional))
    faults.push(`${peer} is no optional peer.`);
}
if (faults.length > 0) {
  console.error(faults.join('\n'));
  process.exit(1);
}
console.log(`${doors.length} entry points load ${hasPeers ? 'with' : 'without'} optional peers: ${doors.join(', ')}`);
