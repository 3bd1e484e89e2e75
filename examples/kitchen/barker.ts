// Starts the dinner, calls the courses that are ready, and waits for the end.
import { dinner } from './dinner.ts';
import { kitchen, workAs } from './kitchen.ts';

// By its key it is the same dinner when this program is started again.
const { id } = await kitchen.jobs.start({ document: dinner, jobKey: 'table 7 tonight' });

const working = workAs('barker', {
  owners: ['barker'],
  handler: ({ data }) => {
    const { course } = data as { course: string };
    console.log(`barker: ${course}!`);
    return { called: course };
  },
});

const { state, reason } = await kitchen.jobs.result(id);
console.log(`barker: the dinner is ${state}${reason ? `, ${reason}` : ''}`);
process.kill(process.pid, 'SIGTERM');
await working;
