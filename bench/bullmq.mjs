/**
 * BullMQ's flows, which are trees: a parent runs when its children have. Each run has a queue of its own and a worker that
 * is ready before the clock starts, and answers the time until the last root has completed, in ms.
 */
export const flowRuns = ({ FlowProducer, Queue, Worker }, { port, concurrency }) => {
  const connection = { host: '127.0.0.1', port, maxRetriesPerRequest: null };
  let queues = 0;

  const measure = async (work) => {
    const queueName = `bench-${queues++}`;
    const producer = new FlowProducer({ connection });
    const queue = new Queue(queueName, { connection });
    const worker = new Worker(queueName, async () => {}, { connection, concurrency });
    worker.on('error', fail);
    worker.on('failed', (_job, error) => fail(error));
    await Promise.all([producer.waitUntilReady(), queue.waitUntilReady(), worker.waitUntilReady()]);
    const roots = (count) =>
      new Promise((resolve) => {
        let left = count;
        const look = ({ name }) => {
          if (name !== 'root' || --left > 0) return;
          worker.off('completed', look);
          resolve();
        };
        worker.on('completed', look);
      });
    const start = performance.now();
    await work({ producer, queueName, roots });
    const ms = performance.now() - start;
    await worker.close();
    await queue.obliterate({ force: true });
    await Promise.all([queue.close(), producer.close()]);
    return { ms };
  };

  return {
    /** One parent with so many children. */
    wide: (children) => () =>
      measure(async ({ producer, queueName, roots }) => {
        const done = roots(1);
        await producer.add(parentOf(queueName, children));
        await done;
      }),
    /** So many chains of three, all handed over in one call. */
    threesAtOnce: (count) => () =>
      measure(async ({ producer, queueName, roots }) => {
        const done = roots(count);
        await producer.addBulk(Array.from({ length: count }, () => chainOfThree(queueName)));
        await done;
      }),
    /** So many chains of three, each when the one before it has ended. */
    threesInTurn: (count) => () =>
      measure(async ({ producer, queueName, roots }) => {
        for (let index = 0; index < count; index++) {
          const done = roots(1);
          await producer.add(chainOfThree(queueName));
          await done;
        }
      }),
  };
};

const parentOf = (queueName, children) => ({
  name: 'root',
  queueName,
  children: Array.from({ length: children }, (_, index) => ({ name: `task-${index}`, queueName })),
});

const chainOfThree = (queueName) => ({
  name: 'root',
  queueName,
  children: [{ name: 'transform', queueName, children: [{ name: 'extract', queueName }] }],
});

const fail = (error) => {
  process.nextTick(() => {
    throw error;
  });
};
