"""Lab 5: elections, in virtual time and over TCP."""
