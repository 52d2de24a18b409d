"""Reports of validation: what each says as one frozen content, and how that content is printed."""
