"""The vault: personal data under a key for each subject, and who has read what, and why."""
