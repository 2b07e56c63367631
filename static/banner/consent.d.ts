// What the banner's script offers to a page. Copy this file, or reference it, to have `window.consent` typed.

export type Decision = "granted" | "denied";

/** The same shape as the answer of `GET /consent/state`. */
export interface ConsentState {
  readonly decided: boolean;
  readonly policy: { readonly version: string; readonly fingerprint: string };
  readonly regime: "opt-in" | "opt-out";
  readonly signals: { readonly gpc: boolean; readonly dnt: boolean };
  readonly categories: Readonly<Record<string, Decision>>;
  readonly services: Readonly<Record<string, Decision>>;
  /** Ids of categories that are new, or mean something new, since the choice. */
  readonly stale: readonly string[];
  /** RFC 3339, UTC. */
  readonly decided_at: string | null;
  readonly expires_at: string | null;
  /** Where the receipt is, right after a decision; that of a refusal can be fetched only for a short time. */
  readonly receipt?: string;
}

export interface ConsentChoice {
  readonly action: "accept_all" | "reject_all" | "save";
  /** For `save`, the whole choice: a category that is not named is denied. */
  readonly categories?: Readonly<Record<string, boolean>>;
  readonly services?: Readonly<Record<string, boolean>>;
  /** BCP 47 tag of the language that the visitor was asked in; the page's block says it when this is left out. */
  readonly language?: string;
}

export interface Consent {
  readonly state: ConsentState;
  /** Whether a category or service is granted; an unknown id never is. */
  granted(id: string): boolean;
  /** Resolves as soon as a category or service is granted: at once, or whenever that happens while the page is open. */
  when(id: string): Promise<ConsentState>;
  /** Shows the preferences; resolves once they are there. */
  open(): Promise<void>;
  /** Resolves once the server has stored the choice; rejects when it has not, and then nothing is switched on. */
  decide(choice: ConsentChoice): Promise<ConsentState>;
  /** Denies everything optional, then reloads the page. */
  withdraw(): Promise<ConsentState>;
}

declare global {
  interface Window {
    readonly consent: Consent;
  }
  interface DocumentEventMap {
    /** The script is there. */
    "consent:ready": CustomEvent<ConsentState>;
    /** A choice has been stored. */
    "consent:change": CustomEvent<ConsentState>;
    /** A script asked for what is denied: the ids of the categories. Cancel it to ask in your own way. */
    "consent:needed": CustomEvent<readonly string[]>;
  }
}
