"""The journal: one hash-chained file of records, its recovery, and its readers.

frame, segment, mark, recovery and follow are pure; disk holds every system call on the files,
writer the one that writes them, files what readers see, and
wake the socket that tells readers to look.
"""
