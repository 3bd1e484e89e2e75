import { createActor, enqueueActions, fromPromise, sendParent, setup } from 'xstate';

/** Raw XState, as its documentation suggests: the job machine spawns an actor per task, and stops it when it is done. */
export const naiveXState = (tasks) =>
  new Promise((resolve) => {
    const missing = new Map(tasks.map(({ name, dependsOn }) => [name, dependsOn.length]));
    const downstream = new Map(tasks.map(({ name }) => [name, []]));
    for (const { name, dependsOn } of tasks) for (const need of dependsOn) downstream.get(need).push(name);
    let left = tasks.length;

    const jobMachine = setup({ actors: { task: taskMachine } }).createMachine({
      initial: 'running',
      states: {
        running: {
          entry: enqueueActions(({ enqueue }) => {
            for (const { name } of tasks) enqueue.spawnChild('task', { id: name, input: { name } });
            for (const { name, dependsOn } of tasks) if (dependsOn.length === 0) start(enqueue, name);
          }),
          on: {
            'task.completed': {
              actions: enqueueActions(({ enqueue, event }) => {
                enqueue.stopChild(event.name);
                for (const next of downstream.get(event.name)) {
                  missing.set(next, missing.get(next) - 1);
                  if (missing.get(next) === 0) start(enqueue, next);
                }
                if (--left === 0) resolve();
              }),
            },
          },
        },
      },
    });
    createActor(jobMachine).start();
  });

const start = (enqueue, name) => {
  enqueue.sendTo(name, { type: 'schedule' });
  enqueue.sendTo(name, { type: 'run' });
};

const taskMachine = setup({ actors: { work: fromPromise(async () => {}) } }).createMachine({
  context: ({ input }) => input,
  initial: 'unscheduled',
  states: {
    unscheduled: { on: { schedule: 'ready' } },
    ready: { on: { run: 'running' } },
    running: { invoke: { src: 'work', onDone: 'completed' } },
    completed: { entry: sendParent(({ context }) => ({ type: 'task.completed', name: context.name })) },
  },
});
