import { fork } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const script = fileURLToPath(new URL('died-job.mjs', import.meta.url));

/**
 * What goes on with a job of 10,000 tasks, whose process was killed with 9,900 of them completed and 100 running, in a
 * process of its own. Answers the time from before the journal is opened until the first task begins in `ms`, and until
 * the job has ended in `endMs`. The start of Node and the definition are not timed.
 */
export const resumeRun = async (folder) => {
  const died = join(folder, 'died.db');
  const [, signal] = await once(fork(script, ['die', died]), 'exit');
  if (signal !== 'SIGKILL') throw new Error(`The process that was to die ended by itself.`);
  const file = join(folder, 'resumed.db');
  return async () => {
    // What the dead process left: the database, and the log that was never moved into it.
    for (const part of ['', '-wal', '-shm']) {
      rmSync(file + part, { force: true });
      if (part !== '-shm' && existsSync(died + part)) cpSync(died + part, file + part);
    }
    const child = fork(script, ['resume', file]);
    const exit = once(child, 'exit').then(([code]) => {
      if (code !== 0) throw new Error(`The process that resumes ended with ${code}.`);
    });
    const [[times]] = await Promise.all([Promise.race([once(child, 'message'), exit.then(() => [])]), exit]);
    return times;
  };
};
