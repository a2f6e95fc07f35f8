"""Recognition: from the bytes of a picture to a reading."""
