/**
 * Calls what a user plugged in, and lets nothing of what it throws or rejects with reach the job: the first time is
 * reported as a process warning, the rest is dropped.
 */
export const shield = (what: string): ((call: () => unknown) => void) => {
  let warned = false;
  const warn = (error: unknown): void => {
    if (warned) return;
    warned = true;
    process.emitWarning(`${what} threw: ${error}. The job goes on.`, { code: 'TINTYPE_SHIELDED' });
  };
  return (call) => {
    try {
      const answer = call();
      if (answer instanceof Promise) answer.catch(warn);
    } catch (error) {
      warn(error);
    }
  };
};
