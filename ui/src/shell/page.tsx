import { type ReactNode, useEffect } from 'react';
import type { ApiError } from '../api/request.ts';
import { ConnectionLost } from './connection-lost.tsx';
import { Scrolling } from './scrolling.tsx';

export type PageProps = {
  readonly title: string;
  /** What stands beside the title. */
  readonly tools?: ReactNode;
  readonly error?: ApiError | undefined;
  readonly isLoading?: boolean;
  readonly children: ReactNode;
};

/** A page that scrolls, with its title. */
export const Page = ({ title, tools, error, isLoading = false, children }: PageProps) => {
  useEffect(() => {
    document.title = `${title} · tintype`;
  }, [title]);
  return (
    <main className="plain-page" id="main" aria-busy={isLoading}>
      <div className="tools big">
        <h1>{title}</h1>
        {tools}
        {error?.status === 0 ? <ConnectionLost /> : null}
      </div>
      <Scrolling className="plain-page-body" aria-label={title}>
        {error === undefined || error.status === 0 ? null : <p role="alert">{error.message}</p>}
        {children}
      </Scrolling>
    </main>
  );
};
