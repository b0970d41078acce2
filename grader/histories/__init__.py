"""What clients saw of a store: recorded, judged, explained."""
