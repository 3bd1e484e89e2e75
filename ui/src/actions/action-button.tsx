import { type KeyboardEvent, type MouseEvent, type ReactNode, useEffect, useRef, useState } from 'react';
import { type Role, useSession } from '../shell/session.tsx';
import type { Action } from './use-action.ts';

export type ActionButtonProps = {
  readonly action: Action;
  readonly label: string;
  readonly needs?: Role;
  /** Why it can't be done now; undefined if it can. */
  readonly refusal?: string | undefined;
  /** What is asked before it is done, with its numbers. Without it, it is done at once. */
  readonly question?: ReactNode;
  /** Called when the question is asked, and when it is no longer. */
  readonly onAsk?: (isAsked: boolean) => void;
  /** The words of the button that does it, if a question is asked. */
  readonly confirm?: string;
  readonly isPrimary?: boolean;
  /** Of a button that shows something until it is pressed again. */
  readonly isPressed?: boolean;
};

/**
 * A command: refused with its reason rather than hidden, asked once in place, and never shown as done before it is. Where
 * another one takes its place, as Rerun that of Cancel once the job is over, a question that was open is not that one's.
 */
export const ActionButton = (props: ActionButtonProps) => <OwnButton key={props.label} {...props} />;

const OwnButton = (props: ActionButtonProps) => {
  const { action, label, needs = 'operator', question, confirm = label, isPrimary = false, isPressed } = props;
  const { refusal: refusalOf } = useSession();
  const [isOpen, setOpen] = useState(false);
  const [isRefused, setRefused] = useState(false);
  const yes = useRef<HTMLButtonElement>(null);
  const opener = useRef<HTMLButtonElement>(null);
  useEffect(() => {
    if (isOpen) yes.current?.focus();
  }, [isOpen]);
  const { reset } = action;
  // The next button for it, as after a job was paused and resumed, begins anew.
  useEffect(() => reset, [reset]);
  const refusal = refusalOf(needs) ?? props.refusal;
  const ask = (isAsked: boolean): void => {
    setOpen(isAsked);
    props.onAsk?.(isAsked);
  };
  const close = (): void => {
    ask(false);
    opener.current?.focus();
  };
  // What was refused is still asked, with all that was typed.
  const answer = (): void => void action.run().then((isDone) => (isDone ? close() : undefined));
  const press = (event: MouseEvent): void => {
    // The second half of a double click.
    if (event.detail > 1 || action.isBusy || action.isAsked) return;
    setRefused(refusal !== undefined);
    if (refusal !== undefined) return;
    if (question === undefined) void action.run();
    else ask(!isOpen);
  };
  return (
    <>
      <button
        ref={opener}
        type="button"
        className={isPrimary ? 'primary' : 'button'}
        aria-disabled={refusal !== undefined || action.isBusy || action.isAsked}
        title={refusal}
        aria-pressed={isPressed}
        {...(question === undefined ? {} : { 'aria-expanded': isOpen })}
        onClick={press}
        onKeyDown={keepOnce}
      >
        {action.isAsked ? `${label}: asked …` : question === undefined ? label : `${label} …`}
      </button>
      {isOpen && refusal === undefined ? (
        // biome-ignore lint/a11y/useSemanticElements: a fieldset has no keyboard handling of its own either
        <div
          className="question"
          role="group"
          aria-label={label}
          onKeyDown={(event) => {
            keepOnce(event);
            if (event.key === 'Enter' && event.target instanceof HTMLInputElement) answer();
            if (event.key !== 'Escape') return;
            event.stopPropagation();
            close();
          }}
        >
          <div>{question}</div>
          <div className="buttons">
            <button ref={yes} type="button" className="primary" disabled={action.isBusy} onClick={answer}>
              {confirm}
            </button>
            <button type="button" onClick={close}>
              Not now
            </button>
          </div>
        </div>
      ) : null}
      {action.error === undefined && !(isRefused && refusal !== undefined) ? null : (
        <p role="alert" className="refusal">
          {action.error ?? refusal}
        </p>
      )}
    </>
  );
};

/** Who holds Enter down has pressed once: it opens the question, and does not answer it too. */
const keepOnce = (event: KeyboardEvent): void => {
  if (event.repeat && event.key === 'Enter') event.preventDefault();
};
