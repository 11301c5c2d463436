"""What a picture is, before anything is counted: its grid in space, its stream of voxels, its alignment."""
