import { Link } from 'wouter';

export const NotFound = ({ text = 'There is no page at this address.' }: { readonly text?: string }) => (
  <main className="notice" id="main">
    <h1>Not found</h1>
    <p>{text}</p>
    <p>
      <Link href="/">To the jobs</Link>
    </p>
  </main>
);
