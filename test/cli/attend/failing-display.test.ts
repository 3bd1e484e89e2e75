import { readFileSync } from 'node:fs';
import { config } from 'rxjs';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { tintype, workflowFile } from '../../support/cli.ts';

/** The part of the display that fails, and what the process heard of it. */
const display = vi.hoisted(() => {
  const state: { broken: string; calls: number } = { broken: '', calls: 0 };
  const failIn = (part: string): void => {
    if (state.broken !== part) return;
    state.calls++;
    throw new Error(`no ${part}`);
  };
  return { state, failIn };
});

vi.mock('../../../src/cli/live/lines.ts', async (original) => {
  const { liveLines } = await original<typeof import('../../../src/cli/live/lines.ts')>();
  return {
    liveLines: (...args: Parameters<typeof liveLines>) => {
      const lines = liveLines(...args);
      return (event: Parameters<typeof lines>[0]) => {
        display.failIn('lines');
        lines(event);
      };
    },
  };
});

vi.mock('../../../src/cli/live/frame.ts', async (original) => {
  const { liveFrame } = await original<typeof import('../../../src/cli/live/frame.ts')>();
  return {
    liveFrame: (...args: Parameters<typeof liveFrame>) => {
      display.failIn('frames');
      return liveFrame(...args);
    },
  };
});

vi.mock('../../../src/engine/model/job-record.ts', async (original) => {
  const all = await original<typeof import('../../../src/engine/model/job-record.ts')>();
  return {
    ...all,
    recordEvent: (...args: Parameters<typeof all.recordEvent>) => {
      display.failIn('record');
      all.recordEvent(...args);
    },
  };
});

const uncaught: unknown[] = [];
const warnings: string[] = [];
const onWarning = ({ message }: Error): void => void warnings.push(message);
const onUncaught = (error: unknown): void => void uncaught.push(error);

beforeEach(() => {
  display.state.calls = 0;
  uncaught.length = 0;
  warnings.length = 0;
  config.onUnhandledError = onUncaught;
  process.on('warning', onWarning);
});
afterEach(() => {
  config.onUnhandledError = null;
  process.off('warning', onWarning);
});

test.each([
  ['lines', undefined, 'The display of the job'],
  ['record', undefined, 'The record of the job'],
  ['frames', 80, 'The live view'],
])('a display whose %s fail warns once, and the job goes on', async (broken, columns, what) => {
  display.state.broken = broken;
  const file = workflowFile(`
name: x
tasks:
  - { name: a, type: bash, command: 'sleep 0.2' }
  - { name: b, type: bash, command: 'true', dependencies: [a] }
`);
  const events = `${file}.events`;
  const { exitCode } = await tintype(['run', file, '--events', events], columns === undefined ? {} : { columns });
  expect(exitCode).toBe(0);
  expect(display.state.calls).toBeGreaterThan(1);
  expect(warnings).toEqual([`${what} threw: no ${broken}. The job goes on.`]);
  expect(uncaught).toEqual([]);
  expect(readFileSync(events, 'utf8')).toContain('"to":"completed"');
});
