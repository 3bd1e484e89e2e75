// node cook.js NAME: cooks one thing after the other.
import { minutes, workAs } from './kitchen.ts';

const name = process.argv[2] ?? 'cook';
await workAs(name, {
  owners: ['cook'],
  handler: async (unit, { signal, progress }) => {
    console.log(`${name}: begins the ${unit.name}`);
    const time = (unit.data as { minutes: number }).minutes;
    await minutes(time / 2, signal);
    await progress(0.5, 'it smells good');
    await minutes(time / 2, signal);
    console.log(`${name}: the ${unit.name} is done`);
    return { by: name };
  },
});
