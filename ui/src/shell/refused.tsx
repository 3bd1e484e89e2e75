import { Link } from 'wouter';
import { useAction } from '../actions/use-action.ts';
import type { ApiError } from '../api/request.ts';
import { useSession } from './session.tsx';

/** Instead of a page that the server refuses: why, and the ways on from there. */
export const Refused = ({ error }: { readonly error: ApiError }) => {
  const { who, signOut } = useSession();
  const leave = useAction(signOut);
  return (
    <main className="notice" id="main">
      <h1>This can't be shown</h1>
      <p role="alert">{error.message}</p>
      <p>
        <Link href="/">To the jobs</Link>
      </p>
      {who.session === undefined ? null : (
        <p>
          <button type="button" className="button" onClick={() => void leave.run()}>
            Sign in with another token
          </button>
        </p>
      )}
    </main>
  );
};
