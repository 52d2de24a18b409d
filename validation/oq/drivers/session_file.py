"""Make the file of an open session say that it was last used later: session_file.py MINUTES.

A person can edit the file of their own session; this is what somebody would do who wants it never to end.
"""

import json
import os
import sys
from datetime import datetime, timedelta
from pathlib import Path

(path,) = Path(os.environ["XDG_STATE_HOME"], "nesqc", "sessions").glob("*.json")
session = json.loads(path.read_text())
later = datetime.fromisoformat(session["last_used"]) + timedelta(minutes=float(sys.argv[1]))
path.write_text(json.dumps({**session, "last_used": later.isoformat()}))
print(f"the session file now says {sys.argv[1]} minutes later")
