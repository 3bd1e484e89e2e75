import { expect, test } from 'vitest';
import { createActor, setup } from 'xstate';
import { stopChild } from '../../src/machines/stop-child.ts';

test('xstate.stop, a private event of XState, still stops a child and takes it out of its system', () => {
  const machine = setup({}).createMachine({ initial: 'waiting', states: { waiting: {} } });
  const parent = createActor(machine).start();
  const child = createActor(machine, { id: 'child', systemId: 'one', parent }).start();
  expect(parent.system.get('one')).toBe(child);
  const ends: string[] = [];
  child.subscribe({ complete: () => ends.push('complete') });
  stopChild(child);
  expect(child.getSnapshot().status, 'XState has renamed its event xstate.stop: see src/machines/stop-child.ts').toBe(
    'stopped',
  );
  expect(ends).toEqual(['complete']);
  expect(parent.system.get('one')).toBeUndefined();
  expect(parent.getSnapshot().status).toBe('active');
});
