## verify
verify-too-large = the sets of flows to compare are cut so finely that they cannot be proved within the bound on work
