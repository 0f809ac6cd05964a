"""Where finished items lie: this machine's store, the team's, S3."""
