import { useEffect, useRef } from 'react';

const GROUPS = [
  {
    title: 'Everywhere',
    keys: [
      ['/', 'find; Enter goes to the next hit'],
      ['Esc', 'back to everything'],
      ['?', 'these keys'],
      ['u', 'up to the jobs'],
    ],
  },
  {
    title: 'Jobs',
    keys: [
      ['j k ↑ ↓', 'next, previous'],
      ['Enter', 'open'],
    ],
  },
  {
    title: 'Job',
    keys: [
      ['1 2 3', 'graph, both, timeline'],
      ['p', 'critical path'],
      ['f', 'only failed'],
      ['[ ]', 'a moment back, forth'],
      ['.', 'live'],
    ],
  },
  {
    title: 'Graph',
    keys: [
      ['← → ↑ ↓', 'along the edges; right is downstream'],
      ['Enter', 'unfold'],
      ['0', 'fit all'],
      ['+ −', 'zoom'],
    ],
  },
  {
    title: 'Timeline',
    keys: [
      ['+ −', 'zoom'],
      ['0', 'the whole time'],
    ],
  },
  {
    title: 'Log',
    keys: [
      ['n N', 'the next hit, the one before'],
      ['End', 'to the end'],
    ],
  },
  {
    title: 'Tree',
    keys: [
      ['↑ ↓ Home End', 'move; PageUp, PageDown by a page'],
      ['→', 'unfold'],
      ['←', 'fold, or go to what is around'],
    ],
  },
] as const;

/** The keys, as a dialog over the page. */
export const Keys = ({ onClose }: { readonly onClose: () => void }) => {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    dialog.current?.showModal();
  }, []);
  return (
    <dialog ref={dialog} className="keys" aria-labelledby="keys-title" onClose={onClose}>
      <header>
        <h2 id="keys-title">Keys</h2>
        <button type="button" className="close" aria-label="Close" onClick={() => dialog.current?.close()}>
          ✕
        </button>
      </header>
      <div className="key-groups">
        {GROUPS.map(({ title, keys }) => (
          <section key={title}>
            <h3>{title}</h3>
            <dl>
              {keys.map(([key, text]) => (
                <div key={key}>
                  <dt>
                    {key.split(' ').map((one) => (
                      <kbd key={one}>{one}</kbd>
                    ))}
                  </dt>
                  <dd>{text}</dd>
                </div>
              ))}
            </dl>
          </section>
        ))}
      </div>
    </dialog>
  );
};
