"""The installed state: read, named by one digest, and held against the signed release manifest.

Nothing here knows a ledger of records or appends to one; a procedure does. The map::

    lines          Line, Finding, state_sha256
    roots          Installation: where to look, handed in
    files          folders walked, files hashed, digests remembered by identity
    distributions  one digest for a wheel and for its installation
    compiled       code in __pycache__ beside its source
    entry_points   code that distributions ask others to load
    search_path    what would be imported or run before the locked files
    software       own files, command, fonts, protocols | computer: interpreter, machine, clock, time zone data
    site           database and guards, grants, models
    state          installed_state, quick_state
    release        ReleaseManifest and its signed note
    comparison     compare: lines beside the release and what the site asks for
    protocol       the cases of the installation qualification and their results
"""
