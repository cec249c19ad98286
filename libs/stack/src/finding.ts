/** One thing that `outrider doctor` looked at. */
export interface Finding {
  readonly what: "node" | "npm" | "nats" | "mongodb" | "disk";
  /**
   * `later`: not there yet, but the next start gets it by itself. `unsure`: nobody can tell from here; `remedy` says how to be sure.
   * `wrong`: Outrider cannot run before `remedy` is done.
   */
  readonly state: "fine" | "later" | "unsure" | "wrong";
  readonly version?: string;
  /** A path, or the variable that points to it. */
  readonly from?: string;
  /** One sentence for a person. */
  readonly says: string;
  readonly remedy?: string;
}
