"""Reports to others about their mail: counted as it comes, written and sent once a day."""
