import { expect, test, vi } from 'vitest';
import { TintypeError } from '../../../src/engine/errors/errors.ts';
import { MissingPeerError, toSvg } from '../../../src/svg.ts';

vi.mock('@viz-js/viz', () => {
  throw new Error('Cannot find package');
});

test('without its peer, toSvg says what to install', async () => {
  const error = await toSvg('digraph {}').catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(MissingPeerError);
  expect(error).toBeInstanceOf(TintypeError);
  expect(error).toMatchObject({ name: 'MissingPeerError', code: 'MISSING_PEER', peer: '@viz-js/viz' });
  expect((error as Error).message).toContain('npm install @viz-js/viz');
  expect((error as Error).cause).toBeInstanceOf(Error);
});
