import { expect, onTestFinished, test } from 'vitest';
import { memoryJournal } from '../../src/journal/memory-journal.ts';
import { stockedServer } from '../support/contract/stocked-server.ts';
import { newFile, opened } from '../support/sqlite-files.ts';

const LISTS = [
  '/jobs',
  '/jobs?state=draft',
  '/jobs/dinner/tasks',
  '/jobs/dinner/events',
  '/events',
  '/units',
  '/topics',
  '/schedules',
  '/definitions',
];

/** Whatever somebody may write in the place of the place of a cursor. */
const PLACES = [
  ...['', 'x', '[]', '\0', '\ud800', '../..', Buffer.from('[1,"2"]').toString('base64url')],
  ...[-1, 1.5, 1e300, -1e300, null, true, [], {}, { priority: 1 }],
];
const FLAWED_UNIT = { priority: 1.5, readySince: -1e300, jobId: '\0', path: '' };

test.each([
  ['memory', memoryJournal],
  ['SQLite', () => opened(newFile(), { synchronous: 'normal' })],
])('a cursor of any list with another place, or none, is refused by its code (%s)', async (_name, journal) => {
  const { server, ask } = await stockedServer(journal());
  onTestFinished(() => server.close({ graceMs: 0 }));
  const get = async (path: string) => {
    const { status, text } = await ask({ method: 'GET', path: `/api/v1${path}`, headers: {} });
    return { status, body: JSON.parse(text) as { code?: string; nextCursor?: string } };
  };
  for (const list of LISTS) {
    const path = `${list}${list.includes('?') ? '&' : '?'}limit=1`;
    const { nextCursor } = (await get(path)).body;
    if (!nextCursor) throw new Error(`${list} has no second page.`);
    const [hash] = JSON.parse(Buffer.from(nextCursor, 'base64url').toString());
    const withPlace = async (...place: readonly unknown[]): Promise<string> => {
      const cursor = Buffer.from(JSON.stringify([hash, ...place])).toString('base64url');
      const { status, body } = await get(`${path}&cursor=${cursor}`);
      return `${status} ${body.code ?? ''}`;
    };
    for (const place of [...PLACES, FLAWED_UNIT])
      expect(['200 ', '400 INVALID_CURSOR'], `${list} after ${JSON.stringify(place)}`).toContain(
        await withPlace(place),
      );
    for (const place of [[], [{}], [null], [true]]) expect(await withPlace(...place), list).toBe('400 INVALID_CURSOR');
  }
});
