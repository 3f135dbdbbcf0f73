"""`fixgate watch`: one instrument's market in a terminal, from the public stream."""
