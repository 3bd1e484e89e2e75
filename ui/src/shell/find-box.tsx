import type { RefObject } from 'react';

export type FindBoxProps = {
  readonly label: string;
  readonly value: string;
  readonly onChange: (value: string) => void;
  readonly onEnter?: () => void;
  /** Number of hits, if something is sought. */
  readonly hits?: number;
  readonly box: RefObject<HTMLInputElement | null>;
};

/** So many letters the server takes. */
export const MOST_FOUND = 200;

export const FindBox = ({ label, value, onChange, onEnter, hits, box }: FindBoxProps) => (
  <label className="find">
    <svg viewBox="0 0 12 12" width="12" height="12" aria-hidden="true">
      <circle cx="5" cy="5" r="3.4" />
      <path d="M7.6 7.6L10.6 10.6" />
    </svg>
    <input
      ref={box}
      value={value}
      maxLength={MOST_FOUND}
      placeholder={label}
      aria-label={label}
      onChange={(event) => onChange(event.target.value)}
      onKeyDown={(event) => {
        if (event.key === 'Enter') onEnter?.();
        if (event.key !== 'Escape') return;
        onChange('');
        event.currentTarget.blur();
      }}
    />
    {hits === undefined ? null : <em role="status">{hits.toLocaleString('en')}</em>}
    <kbd>/</kbd>
  </label>
);
