"""``python -m consent_mw`` is ``consent-mw``."""

from consent_mw.cli import main

raise SystemExit(main())
