/** Says that what the page shows may no longer be so. */
export const ConnectionLost = () => (
  <span className="lost" role="status">
    Connection lost, trying again …
  </span>
);
