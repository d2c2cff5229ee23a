from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("builds", "0001_initial")]

    operations = [
        migrations.AddField(
            model_name="logchunk",
            name="line",
            field=models.PositiveBigIntegerField(help_text="lines that end before it", null=True),
        ),
        migrations.AddField(
            model_name="step",
            name="line",
            field=models.PositiveBigIntegerField(help_text="lines of log before it", null=True),
        ),
    ]
