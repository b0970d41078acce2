"""One result model, and its renderers: terminal, HTML, JUnit XML, JSON."""
