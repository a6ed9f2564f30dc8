"""What a replay came to, as one HTML file that needs nothing else: collected in bounded memory."""
