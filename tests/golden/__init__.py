"""What other libraries compute: peers.json, and the facts that tests and records need of each."""
