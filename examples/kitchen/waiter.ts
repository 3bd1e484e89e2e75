// Seats the guests, serves what was called, and brings the bill.
import { workAs } from './kitchen.ts';

await workAs('waiter', {
  owners: ['waiter'],
  handler: ({ name, deps }) => {
    const { call } = deps as { call?: { called: string } };
    console.log(call ? `waiter: serves the ${call.called}` : `waiter: ${name}`);
    return { done: true };
  },
});
