// A job of 10,000 tasks whose process dies, and one that goes on with it: what bench/resume.mjs starts.
// node bench/died-job.mjs die|resume FILE
import { createEngine, jobFrom } from '../dist/index.js';
import { sqliteJournal } from '../dist/sqlite.js';
import { layered } from './shapes.mjs';

const [order, file] = process.argv.slice(2);
const LAYERS = 100;
const WIDTH = 100;
const JOB = 'died';

/** What the tasks of the last layer do, and those above. */
const definitionWith = (lastLayer, above) =>
  jobFrom(
    'resume',
    layered(LAYERS, WIDTH).map((task, index) => ({
      ...task,
      run: index < (LAYERS - 1) * WIDTH ? above : lastLayer,
    })),
  );

const nothing = async () => {};
const again = async ({ taskName }) => {
  throw new Error(`A task that was completed runs again: ${taskName}`);
};

/** When the last task of the last layer begins, all tasks above are completed, in the journal too. */
const die = async () => {
  let begun = 0;
  const definition = definitionWith(() => {
    if (++begun === WIDTH) process.kill(process.pid, 'SIGKILL');
    return new Promise(() => {});
  }, nothing);
  await createEngine({ journal: sqliteJournal(file) }).start(definition, {}, { jobId: JOB });
};

const resume = async () => {
  let firstAt;
  let begun = 0;
  const definition = definitionWith(async () => {
    begun++;
    firstAt ??= performance.now();
  }, again);
  const start = performance.now();
  const journal = sqliteJournal(file);
  const engine = createEngine({ journal, definitions: [definition] });
  const { job } = await engine.resume(JOB);
  const { state } = await job;
  const end = performance.now();
  if (state !== 'completed' || begun !== WIDTH) throw new Error(`The job ended ${state}, after ${begun} tasks.`);
  await engine.close();
  await journal.close();
  process.send({ ms: firstAt - start, endMs: end - start });
};

await { die, resume }[order]();
