## verify
