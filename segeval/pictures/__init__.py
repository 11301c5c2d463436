"""Where a case is wrong, as pictures: slices of both volumes with what differs between them."""
