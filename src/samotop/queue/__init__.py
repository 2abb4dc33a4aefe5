"""What is due when: entries, their states and the schedule of attempts."""
