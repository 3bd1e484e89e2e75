import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/** Of the `redis-server` on the PATH; absent where there is none. */
export const redisVersion = () => {
  const { status, stdout } = spawnSync('redis-server', ['--version'], { encoding: 'utf8' });
  return status === 0 ? /v=(\S+)/.exec(stdout)?.[1] : undefined;
};

/** A Redis of its own, on a free port, that appends to a file and syncs it every second. */
export const startRedis = async (folder) => {
  const port = await freePort();
  const dir = join(folder, 'redis');
  mkdirSync(dir);
  const settings = {
    port,
    dir,
    bind: '127.0.0.1',
    appendonly: 'yes',
    appendfsync: 'everysec',
    save: '',
    loglevel: 'warning',
  };
  const args = Object.entries(settings).flatMap(([name, value]) => [`--${name}`, String(value)]);
  const server = spawn('redis-server', args, { stdio: ['ignore', 'ignore', 'inherit'] });
  const kill = () => server.kill('SIGKILL');
  process.once('exit', kill);
  const ended = once(server, 'exit');
  while (!(await answers(port))) {
    if (server.exitCode !== null) throw new Error(`redis-server ended with ${server.exitCode}.`);
    await sleep(20);
  }
  const stop = async () => {
    server.kill();
    await ended;
    process.off('exit', kill);
  };
  return { port, stop };
};

const freePort = async () => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  await once(server, 'close');
  return port;
};

const answers = (port) =>
  new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('error', () => resolve(false));
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
  });
