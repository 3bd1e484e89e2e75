/* What the web UI takes from a browser, as far as its pure parts need it. Import this before anything of `ui/`. */
import { vi } from 'vitest';

const kept = new Map<string, string>();

vi.stubGlobal('localStorage', {
  getItem: (key: string) => kept.get(key) ?? null,
  setItem: (key: string, value: string) => void kept.set(key, value),
  removeItem: (key: string) => void kept.delete(key),
});

/** The page is seen, and stands at the root of its host. */
vi.stubGlobal('document', Object.assign(new EventTarget(), { hidden: false, querySelector: () => null }));

/** Frames come when they are asked for. */
const frames: (() => void)[] = [];

vi.stubGlobal('requestAnimationFrame', (draw: () => void) => frames.push(draw));

export const nextFrame = (): void => {
  for (const draw of frames.splice(0)) draw();
};
